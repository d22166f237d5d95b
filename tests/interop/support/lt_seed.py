"""Seeds one torrent with libtorrent on a port of 127.0.0.1 that the system chooses.

    lt_seed.py --torrent FILE --dir DIR [--unchecked] [--fast] [--up-limit BYTES_PER_SECOND]

Prints {"ready": true, "port": N} once it seeds and listens, and answers each line on standard input with
{"uploaded": BYTES} (payload sent so far). Ends at end of input or by a signal. --unchecked trusts the data (no
hash check, neither at the start nor, as libtorrent's seed mode has it, of each piece when it is first asked for),
--fast sets the buffers and queues of a seed that should not be the bottleneck.
"""

import argparse
import json
import sys
import time

import libtorrent as lt

QUIET = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "allow_multiple_connections_per_ip": True,
    "connections_limit": 500,
    "unchoke_slots_limit": -1,
    "user_agent": "interop libtorrent",
    "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
}

# Enough of what was asked for is read ahead of the socket that neither ever waits; TCP is never held back.
FAST = {
    "send_buffer_watermark": 16 << 20,
    "send_buffer_low_watermark": 2 << 20,
    "send_buffer_watermark_factor": 300,
    "send_not_sent_low_watermark": 2 << 20,
    "max_allowed_in_request_queue": 16_000,
    "max_queued_disk_bytes": 128 << 20,
    "mixed_mode_algorithm": 0,
    "out_enc_policy": int(lt.enc_policy.disabled),
    "in_enc_policy": int(lt.enc_policy.disabled),
    "aio_threads": 4,
    "hashing_threads": 1,
    "file_pool_size": 6000,
    "suggest_mode": 0,
    "peer_turnover_interval": 86_400,
    "tick_interval": 50,
}


def say(**fields):
    print(json.dumps(fields), flush=True)


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"lt_seed: {what} not within {seconds} s")
        time.sleep(0.01)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--torrent", required=True)
    options.add_argument("--dir", required=True)
    options.add_argument("--unchecked", action="store_true")
    options.add_argument("--fast", action="store_true")
    options.add_argument("--up-limit", type=int, default=0)
    args = options.parse_args()

    session = lt.session({**QUIET, **(FAST if args.fast else {})})
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(args.torrent)
    params.save_path = args.dir
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if args.unchecked:
        params.have_pieces = [True] * params.ti.num_pieces()
    if args.up_limit:
        params.upload_limit = args.up_limit
    handle = session.add_torrent(params)
    wait_for(lambda: session.is_listening() and session.listen_port() > 0, 20, "a port")
    wait_for(lambda: handle.status().is_seeding, 120, "complete data")
    say(ready=True, port=session.listen_port())
    for _ in sys.stdin:
        say(uploaded=handle.status().total_payload_upload)


main()
