"""Makes a v1 torrent with libtorrent's own creator.

    lt_create.py DATA TORRENT PIECE_BYTES
"""

import os
import sys

import libtorrent as lt

data, path, piece = sys.argv[1:]
files = lt.file_storage()
lt.add_files(files, data)
torrent = lt.create_torrent(files, int(piece), lt.create_torrent.v1_only)
lt.set_piece_hashes(torrent, os.path.dirname(data))
with open(path, "wb") as out:
    out.write(lt.bencode(torrent.generate()))
