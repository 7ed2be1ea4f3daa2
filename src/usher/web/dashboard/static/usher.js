/* What a page does beyond reading: live parts, times in the viewer's zone, keys, copy buttons, charts.
   Loaded with defer; every page works without it. */
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // ---- times: the server writes UTC; here they become the viewer's ----
  const pad = (n) => String(n).padStart(2, "0");
  const clock = (d) => `${pad(d.getHours())}:${pad(d.getMinutes())}`;
  const day = (d) => d.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...(d.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" }) });
  const isToday = (d) => d.toDateString() === new Date().toDateString();
  const ago = (d) => {
    const s = Math.round((Date.now() - d) / 1000), ahead = s < 0, n = Math.abs(s);
    if (n < 2) return "now";
    if (n >= 86400) return day(d);
    const span = n < 90 ? `${n} s` : n < 5400 ? `${Math.round(n / 60)} min` : `${Math.round(n / 3600)} h`;
    return ahead ? `in ${span}` : `${span} ago`;
  };
  const written = {
    clock: (d) => (isToday(d) ? clock(d) : `${day(d)}, ${clock(d)}`),
    second: (d) => `${isToday(d) ? "" : `${day(d)}, `}${clock(d)}:${pad(d.getSeconds())}`,
    time: (d) => `${clock(d)}:${pad(d.getSeconds())}`,
    day: (d) => `${day(d)}, ${clock(d)}`,
    date: (d) => d.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" }),
    ago,
  };
  const localise = (within = document) => all("time[data-t]", within).forEach((t) => {
    const d = new Date(t.dateTime);
    const text = written[t.dataset.t](d);
    if (t.textContent !== text) t.textContent = text;
    if (!t.dataset.z) { t.title = `${d.toLocaleString()} · ${t.title}`; t.dataset.z = "1"; }
  });
  setInterval(() => localise(), 5000);
  // The server groups steps by days in UTC; here they come under the viewer's days.
  const regroup = (within) => all("[data-days=utc]", within).forEach((list) => {
    const heads = all(".day", list);
    let last = "";
    list.dataset.days = "own";
    all(".at > time", list).forEach((t) => {
      const date = new Date(t.dateTime).toDateString();
      if (date === last) return;
      const head = heads[0].cloneNode(true), shown = head.querySelector("time");
      [last, shown.dateTime, shown.title] = [date, t.dateTime, t.title];
      t.closest("li").before(head);
    });
    heads.forEach((head) => head.remove());
  });

  // ---- theme: a cookie, so that the next page comes in it ----
  const secure = location.protocol === "https:" ? "; Secure" : "";
  all("[data-theme-form]").forEach((form) => form.addEventListener("submit", (e) => {
    e.preventDefault();
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `usher-theme=${root.dataset.theme}; path=/; max-age=31536000; SameSite=Lax${secure}`;
    charts.forEach((c) => c.redraw());
  }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((c) => c.redraw()));

  // ---- copy ----
  const offerCopies = (within = document) => all("[data-copy]", within).forEach((b) => {
    if (!navigator.clipboard) return;
    b.hidden = false;
    b.onclick = async () => {
      await navigator.clipboard.writeText(document.getElementById(b.dataset.copy).textContent.trim());
      say("Copied.");
    };
  });
  const say = (text) => { const line = document.getElementById("spoken"); if (line) line.textContent = text; };

  // ---- live parts: one stream a page; a hidden tab lets its connection go ----
  const address = document.body.dataset.live;
  let source = null, lostAt = null, spokenAt = 0;
  const line = document.getElementById("live-line");
  const hasFocus = (part) => { const at = document.activeElement; return part.contains(at) && at !== part && at.tagName !== "SUMMARY"; };
  const isBusy = (part) => hasFocus(part)
    || part.querySelector("details.menu[open]") !== null || String(getSelection()) && part.contains(getSelection().anchorNode);
  const take = (part, html) => {
    if (isBusy(part)) { part.waiting = html; return; }
    const open = all("details[id][open]", part).map((d) => d.id);
    const held = part.contains(document.activeElement) && document.activeElement.closest("details[id]")?.id;
    part.waiting = null;
    part.innerHTML = html;
    open.forEach((id) => { const d = document.getElementById(id); if (d) d.open = true; });
    if (held) document.getElementById(held)?.querySelector("summary").focus();
    if (window.htmx) htmx.process(part);
    upgrade(part);
    const words = "speak" in part.dataset && part.querySelector("[data-sentence]")?.textContent.trim();
    if (words && words !== part.spoken && Date.now() - spokenAt > 30000) { say(words); part.spoken = words; spokenAt = Date.now(); }
  };
  const signedOut = () => {
    const link = document.createElement("a");
    link.href = `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in";
    line.replaceChildren("You are signed out. ", link);
    line.hidden = false;
    say("You are signed out.");
  };
  const connect = () => {
    if (!address || source) return;
    source = new EventSource(address);
    source.onopen = () => { lostAt = null; line.hidden = true; };
    source.onerror = () => {
      lostAt ??= new Date();
      line.textContent = `Not live since ${clock(lostAt)}, trying again.`;
      line.hidden = false;
      if (source.readyState !== EventSource.CLOSED) return;
      source = null;
      // The service answered and refused, and a stream does not tell why: 204 is for those who are signed out.
      const asked = new AbortController();
      fetch(address, { signal: asked.signal }).then((r) => {
        asked.abort();
        if (r.status === 204) return signedOut();
        setTimeout(connect, 5000);
      }, () => setTimeout(connect, 5000));
    };
    all("[data-part]").forEach((part) => source.addEventListener(part.dataset.part, (e) => take(part, e.data)));
  };
  const disconnect = () => { source?.close(); source = null; };
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", () => { if (!document.hidden) connect(); });
  const catchUp = () => setTimeout(() => all("[data-part]").forEach((p) => p.waiting && take(p, p.waiting)), 0);
  document.addEventListener("focusout", catchUp);
  document.addEventListener("toggle", catchUp, true); // a menu that a click elsewhere closed
  document.addEventListener("selectionchange", () => { if (!String(getSelection())) catchUp(); });

  // ---- forms: what was typed outlives a reload or a lost session; never a password ----
  all("form[data-keep]").forEach((form) => {
    const key = `usher:${form.dataset.keep}`;
    const fields = () => all("input[name],select[name],textarea[name]", form).filter((f) => f.type !== "password" && f.type !== "hidden" && !("unkept" in f.dataset));
    if (!form.dataset.filled) {
      const kept = JSON.parse(sessionStorage.getItem(key) || "null");
      if (kept) fields().forEach((f) => {
        if (f.type === "checkbox" || f.type === "radio") { if (f.name in kept) f.checked = kept[f.name].includes(f.value); } else if (kept[f.name]) [f.value] = kept[f.name];
      });
    }
    const keep = () => {
      const now = {};
      fields().forEach((f) => { (now[f.name] ??= []); if (!(f.type === "checkbox" || f.type === "radio") || f.checked) now[f.name].push(f.value); });
      sessionStorage.setItem(key, JSON.stringify(now));
    };
    form.addEventListener("input", keep);
    form.addEventListener("change", keep);
  });
  all("[data-forget]").forEach((e) => sessionStorage.removeItem(`usher:${e.dataset.forget}`));
  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (e.defaultPrevented) return;
    if (form.dataset.waits) setTimeout(() => wait(form), 400);
    if (form.method !== "post") return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = "1";
  });
  // Some answers need a vendor's: say so where somebody waits, and to who listens.
  const wait = (form) => {
    const place = form.querySelector(".formfoot") || form;
    const told = form.querySelector(".waits") || place.appendChild(Object.assign(document.createElement("p"), { className: "waits hint" }));
    told.textContent = form.dataset.waits;
    say(form.dataset.waits);
  };
  // Back may show the page as it was left; until then what was sent stays sent, however long its answer takes.
  addEventListener("pageshow", (e) => e.persisted && all("form[data-sent]").forEach((form) => delete form.dataset.sent));
  document.addEventListener("click", (e) => {
    const b = e.target.closest("[data-fill]");
    if (b) {
      const field = document.getElementById(b.dataset.fill);
      if (field.type === "checkbox") field.checked = b.dataset.value === "on"; else field.value = b.dataset.value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
      field.focus();
    }
    if (e.target.closest("[aria-disabled='true']")) e.preventDefault();
  });
  document.addEventListener("input", (e) => {
    const list = e.target.dataset.narrows && document.getElementById(e.target.dataset.narrows);
    if (!list) return;
    const words = e.target.value.toLowerCase().split(/\s+/);
    const rows = all("[data-words]", list);
    rows.forEach((row) => { row.hidden = !row.querySelector(":checked") && !words.every((word) => row.dataset.words.includes(word)); });
    list.classList.toggle("none-found", rows.every((row) => row.hidden));
  });
  document.getElementById("problems")?.focus();

  // ---- single keys, which can be switched off ----
  const keys = document.getElementById("keys"), isOn = document.getElementById("keys-on");
  if (isOn) {
    isOn.checked = localStorage.getItem("usher:keys") !== "off";
    isOn.addEventListener("change", () => localStorage.setItem("usher:keys", isOn.checked ? "on" : "off"));
  }
  let before = "";
  const leads = { gj: "/jobs", gm: "/members", ga: "/authorizations", n: "/jobs/new" };
  document.addEventListener("keydown", (e) => {
    const typing = e.target.closest("input,select,textarea,[contenteditable]");
    if (e.key === "Escape") all("details.menu[open]").forEach((d) => { d.open = false; d.querySelector("summary").focus(); });
    if (!keys || typing || e.ctrlKey || e.metaKey || e.altKey || (!isOn.checked && e.key !== "?")) return;
    const pressed = before + e.key;
    before = e.key === "g" ? "g" : "";
    setTimeout(() => { before = ""; }, 1200);
    if (e.key === "?") keys.showModal();
    else if (e.key === "/") { const box = document.querySelector("main input[type=search]"); if (box) { e.preventDefault(); box.focus(); } }
    else if (leads[pressed]) location.assign(leads[pressed]);
  });
  document.addEventListener("click", (e) => all("details.menu[open]").forEach((d) => { if (!d.contains(e.target)) d.open = false; }));

  // ---- charts: a chart is a table first, <figure data-chart="lines|mirror|stack"> ----
  let charts = [];
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.className = `probe-${name}`;
    document.body.append(probe);
    const c = getComputedStyle(probe).color;
    probe.remove();
    return c;
  };
  const fade = (c, a) => c.replace(/rgba?\(([\d.]+),\s*([\d.]+),\s*([\d.]+).*/, `rgba($1,$2,$3,${a})`);
  const draw = (fig) => {
    const box = fig.querySelector(".chart");
    const heads = all("thead th", fig).slice(1);
    const rows = all("tbody tr", fig).map((r) => [...r.children].map((c) => c.dataset.v ?? c.textContent.replace(/,/g, "")));
    const kind = fig.dataset.chart, unit = fig.dataset.unit || "", step = +fig.dataset.step || 60;
    all("tbody tr", fig).forEach((r) => { const d = new Date(r.children[0].dataset.v * 1000); r.children[0].textContent = step < 3600 ? clock(d) : written.day(d); });
    fig.querySelector("thead th").textContent = "Time";
    const figure = (text) => (text === "" ? null : +text);
    const data = [rows.map((r) => +r[0])];
    heads.forEach((h, i) => data.push(rows.map((r) => { const v = figure(r[i + 1]); return v === null ? null : v * (kind === "mirror" && i === 1 ? -1 : 1); })));
    if (kind === "stack") data[1] = data[1].map((v, i) => v + data[2][i]);
    const bars = kind !== "lines" ? uPlot.paths.bars({ size: [0.68, 12], radius: 0.15 }) : undefined;
    const grid = () => colour("line"), ink = () => colour("ink");
    box.replaceChildren();
    const most = (v) => (Number.isFinite(v) && v > 0 ? v : 1) * 1.12;
    const plot = new uPlot({
      width: box.clientWidth, height: box.clientHeight, padding: [8, 18, 0, 0],
      cursor: { sync: { key: fig.dataset.sync || fig.id }, y: false, points: { show: kind === "lines" }, drag: { x: false } },
      legend: { show: false },
      scales: {
        x: { time: true, range: (u, a, b) => (bars ? [a - step * 0.6, b + step * 0.6] : [a, b]) },
        y: { range: (u, lo, hi) => (kind === "mirror" ? [-most(-lo), most(hi)] : [0, most(hi)]) },
      },
      axes: [
        { stroke: ink, font: "12px Geist, sans-serif", grid: { show: false }, ticks: { show: false }, space: 84, size: 26, values: (u, t) => t.map((v) => (step < 3600 ? clock(new Date(v * 1000)) : day(new Date(v * 1000)))) },
        { stroke: ink, font: "12px Geist, sans-serif", grid: { stroke: grid, width: 1 }, ticks: { show: false }, space: 34, size: 48, values: (u, t) => t.map((v) => Math.abs(v).toLocaleString("en") + unit) },
      ],
      series: [{}].concat(heads.map((h) => ({
        label: h.textContent, paths: bars, points: { show: kind === "lines" && rows.length < 200, size: 4 }, width: bars ? 0 : 1.75, spanGaps: true,
        stroke: () => colour(h.dataset.c), fill: bars ? () => colour(h.dataset.c) : (h.dataset.fill !== undefined ? () => fade(colour(h.dataset.c), 0.1) : undefined),
      }))),
    }, data, box);
    charts.push(plot);
    new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
  };
  const drawAll = (within) => {
    if (!window.uPlot) return;
    charts = charts.filter((c) => c.root.isConnected);
    all("figure[data-chart]", within).forEach(draw);
  };

  const upgrade = (within) => { regroup(within); localise(within); offerCopies(within); drawAll(within); };
  document.addEventListener("htmx:afterSwap", (e) => upgrade(e.detail.target));
  document.addEventListener("htmx:oobAfterSwap", () => all(".err-slot").forEach((slot) => {
    all(`[aria-describedby~="${slot.id}"]`).forEach((f) => f.setAttribute("aria-invalid", String(slot.firstElementChild !== null)));
  }));
  const start = () => { upgrade(document); connect(); };
  document.fonts ? document.fonts.load("12px Geist").then(start, start) : start();
})();
