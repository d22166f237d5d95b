"""One libtorrent peer with one torrent, whose peers come from where it is told to look, and nowhere else.

    lt_peer.py (--torrent FILE | --magnet URI) --dir DIR --listen IP:PORT [--lsd] [--pex] [--peer HOST:PORT]... [--down-limit N]

Prints "ready" and its port, and goes on until its standard input ends.
"""

import argparse
import sys

import libtorrent as lt

options = argparse.ArgumentParser()
options.add_argument("--torrent")
options.add_argument("--magnet")
options.add_argument("--dir", required=True)
options.add_argument("--listen", required=True)
options.add_argument("--lsd", action="store_true")
options.add_argument("--pex", action="store_true")
options.add_argument("--peer", action="append", default=[])
options.add_argument("--down-limit", type=int, default=0)
args = options.parse_args()

session = lt.session({
    "listen_interfaces": args.listen,
    "enable_dht": False,
    "enable_lsd": args.lsd,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "user_agent": "interop libtorrent",
})
params = lt.parse_magnet_uri(args.magnet) if args.magnet else lt.add_torrent_params()
if args.torrent:
    params.ti = lt.torrent_info(args.torrent)
params.save_path = args.dir
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
if not args.pex:
    params.flags |= lt.torrent_flags.disable_pex
if args.down_limit:
    params.download_limit = args.down_limit
handle = session.add_torrent(params)
for peer in args.peer:
    host, port = peer.rsplit(":", 1)
    handle.connect_peer((host, int(port)))
print("ready", session.listen_port(), flush=True)
sys.stdin.read()
