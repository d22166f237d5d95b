"""Downloads one torrent with libtorrent, then goes on giving until its standard input ends. Prints "ready" and its port.

    lt_get.py --torrent FILE --dir DIR
"""

import argparse
import sys

import libtorrent as lt

options = argparse.ArgumentParser()
options.add_argument("--torrent", required=True)
options.add_argument("--dir", required=True)
args = options.parse_args()

session = lt.session({
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "user_agent": "interop libtorrent",
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(args.torrent)
params.save_path = args.dir
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
handle = session.add_torrent(params)
print("ready", session.listen_port(), flush=True)
sys.stdin.read()
