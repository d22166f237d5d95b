"""Downloads one torrent with libtorrent, tuned for one fast seed, and prints DONE when it is complete, verified and
handed to the system: the last piece is hashed before all of it is written.

    lt_get.py TORRENT DIR
"""

import sys
import time

import libtorrent as lt

SETTINGS = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "out_enc_policy": int(lt.enc_policy.disabled),
    "in_enc_policy": int(lt.enc_policy.disabled),
    "request_queue_time": 1,
    "max_out_request_queue": 4000,
    "recv_socket_buffer_size": 2 << 20,
    "send_socket_buffer_size": 1 << 20,
    "aio_threads": 2,
    "hashing_threads": 2,
    "file_pool_size": 6000,
    "max_queued_disk_bytes": 64 << 20,
    "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.storage_notification,
}


def main():
    torrent, folder = sys.argv[1:]
    session = lt.session(SETTINGS)
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = folder
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handle = session.add_torrent(params)
    while not handle.status().is_finished:
        session.wait_for_alert(20)
        session.pop_alerts()
        time.sleep(0.002)
    handle.flush_cache()
    while not any(isinstance(alert, lt.cache_flushed_alert) for alert in session.pop_alerts()):
        session.wait_for_alert(20)
    print("DONE", flush=True)
    session.wait_for_alert(60_000)
    time.sleep(60)


main()
