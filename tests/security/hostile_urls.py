"""
URLs that lead, or pretend to lead, where Usher must never connect: to the trap on loopback, or elsewhere inside.

"{port}" is the trap's. A name below "names.example" is resolved by the attacker's own name server.
"""

# What a person may type and what is refused by its text alone: when it is saved, tested and sent to.
BY_TEXT = (
    # IPv4 in every spelling that a resolver takes
    "http://127.0.0.1:{port}/", "http://127.0.0.1.:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/",
    "http://0177.0.0.1:{port}/", "http://017700000001:{port}/", "http://0x7f.0.0.1:{port}/",
    "http://0x7f000001:{port}/", "http://0X7F000001:{port}/", "http://2130706433:{port}/",
    "http://4294967297:{port}/", "http://127.000.000.001:{port}/", "http://127.0.0.1.1:{port}/",
    # Nowhere, everybody, and this network
    "http://0.0.0.0:{port}/", "http://0:{port}/", "http://0.1.2.3:{port}/", "http://255.255.255.255:{port}/",
    "http://224.0.0.1:{port}/", "http://239.255.255.250:{port}/", "http://240.0.0.1:{port}/",
    # Inside
    "http://10.0.0.1:{port}/", "http://172.16.0.1:{port}/", "http://192.168.0.1:{port}/", "http://10.1:{port}/",
    "http://100.64.0.1:{port}/", "http://100.127.255.255:{port}/", "http://198.18.0.1:{port}/",
    # Metadata of clouds
    "http://169.254.169.254/latest/meta-data/", "http://0xa9fea9fe/", "http://2852039166/", "http://169.254.170.2/",
    "http://100.100.100.200/", "http://168.63.129.16/", "http://192.0.0.192/", "http://[fd00:ec2::254]/",
    "http://metadata.google.internal/computeMetadata/v1/", "http://metadata.goog.internal./",
    # IPv6, and IPv4 inside it
    "http://[::1]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/", "http://[::]:{port}/", "http://[::127.0.0.1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://[::ffff:0:127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/", "http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[2002:7f00:1::1]:{port}/", "http://[2002:a9fe:a9fe::1]/", "http://[2001:0:7f00:1::1]:{port}/",
    "http://[2001:470::5efe:7f00:1]:{port}/", "http://[2001:470::200:5efe:a9fe:a9fe]:{port}/",
    "http://[fe80::5efe:7f00:1]:{port}/", "http://[fe80::1]:{port}/", "http://[fe80::1%25lo]:{port}/",
    "http://[::1%25lo]:{port}/", "http://[2606:4700::1%25lo]:{port}/", "http://[fc00::1]:{port}/",
    "http://[fec0::1]:{port}/", "http://[ff02::1]:{port}/", "http://[127.0.0.1]:{port}/",
    # Names of what is inside
    "http://localhost:{port}/", "http://LOCALHOST:{port}/", "http://localhost.:{port}/", "http://a.localhost:{port}/",
    "http://localhost.localdomain:{port}/", "http://printer.local:{port}/", "http://db.corp:{port}/",
    "http://router.home.arpa:{port}/", "http://1.0.0.127.in-addr.arpa:{port}/",
    # Letters that are not what they look like
    "http://１２７.0.0.1:{port}/", "http://127。0。0。1:{port}/", "http://①②⑦.⓪.⓪.①:{port}/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/", "http://%6cocalhost:{port}/", "http://%31%32%37.0.0.1:{port}/",
    "http://xn--127-.0.0.1:{port}/", "http://127.0.0.1%00.example.com:{port}/",
    # Two readers, two hosts
    "http://user@127.0.0.1:{port}/", "http://example.com@127.0.0.1:{port}/", "http://user:pw@example.com:{port}/",
    "http://127.0.0.1\\@example.com:{port}/", "http://example.com\\@127.0.0.1:{port}/",
    "http://127.0.0.1\t:{port}/", "http://127.0.0.1\n:{port}/", "http://127.0.0.1\r\nHost: x:{port}/",
    "http://127.0.0.1 :{port}/", "http:\\\\127.0.0.1:{port}\\",
    # Other ports and schemes
    "http://example.com:22/", "http://example.com:25/", "http://example.com:0/", "http://example.com:65536/",
    "file:///etc/passwd", "gopher://127.0.0.1:{port}/_x", "ftp://127.0.0.1:{port}/", "dict://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock", "data:text/plain,x", "jar:http://127.0.0.1:{port}!/", "//127.0.0.1:{port}/",
)  # fmt: skip

# What looks like any vendor's address and is refused when it is connected to: where its name leads to.
BY_NAME = {
    "loopback.names.example": ["127.0.0.1"],
    "mapped.names.example": ["::ffff:127.0.0.1"],
    "metadata.names.example": ["169.254.169.254"],
    "nat64.names.example": ["64:ff9b::7f00:1"],
    "isatap.names.example": ["2001:470::5efe:7f00:1"],
    "zone.names.example": ["fe80::1%lo"],
    "carrier.names.example": ["100.64.0.1"],
    "many.names.example": ["10.0.0.1", "::1", "127.0.0.1"],
    "127.0.0.1.nip.names.example": ["127.0.0.1"],
    "xn--lcalhost-5oa.names.example": ["127.0.0.1"],
}


def refused_by_text(port: int) -> list[str]:
    return [url.format(port=port) for url in BY_TEXT]


def refused_by_name(port: int) -> list[str]:
    return [f"http://{name}:{port}/" for name in BY_NAME]
