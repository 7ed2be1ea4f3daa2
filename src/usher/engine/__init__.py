"""The moving parts between Lytics and Mapp, single-threaded over their ports."""
