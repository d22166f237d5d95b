"""A small DHT of libtorrent's nodes, each a session of its own.

    lt_dht.py --host IP [--host IP ...]

One node for each IP, on a port that the system chooses; all start from the first. Prints
{"ready": true, "nodes": ["IP:PORT", ...]} once every node knows another, and answers each line on standard input:

    get HASH          {"peers": ["IP:PORT", ...]}     what the last node finds
    add\tTORRENT\tDIR {"added": PORT}                 a torrent or magnet is given or fetched by the last node
    stats             {"known": [N, ...], "done": D, "uploaded": BYTES}
                      how many nodes each node knows, how much of the torrent is there (0 to 1), what was given

Ends at end of input or by a signal.
"""

import argparse
import json
import sys
import time

import libtorrent as lt

QUIET = {
    "enable_dht": True,
    "dht_bootstrap_nodes": "",
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_block_ratelimit": 100000,
    "dht_upload_rate_limit": 10000000,
    "dht_announce_interval": 5,
    "allow_multiple_connections_per_ip": True,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "user_agent": "interop libtorrent",
    "alert_mask": lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification
    | lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
}


def say(**fields):
    print(json.dumps(fields), flush=True)


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"lt_dht: {what} not within {seconds} s")
        time.sleep(0.02)


def literal(host):
    return f"[{host}]" if ":" in host else host


class Node:
    def __init__(self, host):
        self.host = host
        self.torrent = None
        self.session = lt.session({**QUIET, "listen_interfaces": f"{literal(host)}:0"})
        wait_for(lambda: self.session.is_listening() and self.session.listen_port() > 0, 20, "a port")
        self.port = self.session.listen_port()

    def know(self, other):
        self.session.add_dht_node((other.host, other.port))

    def known(self):
        return self.session.status().dht_nodes

    def add(self, source, folder):
        if source.startswith("magnet:"):
            params = lt.parse_magnet_uri(source)
        else:
            params = lt.add_torrent_params()
            params.ti = lt.torrent_info(source)
        params.save_path = folder
        params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        params.flags |= lt.torrent_flags.disable_pex | lt.torrent_flags.disable_lsd
        self.torrent = self.session.add_torrent(params)

    def stats(self):
        status = self.torrent.status() if self.torrent else None
        return {
            "done": status.progress if status else 0,
            "uploaded": status.total_payload_upload if status else 0,
        }

    def get(self, info_hash, seconds=20):
        """All peers of the first search that finds some, or none."""
        end = time.monotonic() + seconds
        found = set()
        while time.monotonic() < end and not found:
            self.session.pop_alerts()
            self.session.dht_get_peers(lt.sha1_hash(info_hash))
            pause = time.monotonic() + 1.5
            while time.monotonic() < pause:
                for alert in self.session.pop_alerts():
                    if isinstance(alert, lt.dht_get_peers_reply_alert):
                        found.update(f"{literal(ip)}:{port}" for ip, port in alert.peers())
                time.sleep(0.02)
        return sorted(found)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--host", action="append", required=True)
    args = options.parse_args()
    nodes = [Node(host) for host in args.host]
    for node in nodes[1:]:
        node.know(nodes[0])
    if len(nodes) > 1:
        wait_for(lambda: all(node.known() > 0 for node in nodes), 60, "a DHT")
    say(ready=True, nodes=[f"{literal(node.host)}:{node.port}" for node in nodes])
    for line in sys.stdin:
        match line.split():
            case ["get", info_hash]:
                say(peers=nodes[-1].get(bytes.fromhex(info_hash)))
            case ["add", *_]:
                _, source, folder = line.rstrip("\n").split("\t")
                nodes[-1].add(source, folder)
                say(added=nodes[-1].port)
            case ["stats"]:
                say(known=[node.known() for node in nodes], **nodes[-1].stats())


main()
