"""Makes a v1 torrent with libtorrent's own creator, files in the order of the bytes of their paths (its own order
is that of the folder on the disk, which no two machines share). Prints the infohash.

    lt_create.py PATH PIECE_BYTES [--load TORRENT]

With --load it reads TORRENT instead and prints {"hash", "files": [[path, size, is_pad], ...]}.
"""

import json
import os
import sys

import libtorrent as lt


def create(top, piece):
    files = lt.file_storage()
    root, name = os.path.split(top)
    if os.path.isfile(top):
        files.add_file(name, os.path.getsize(top))
    else:
        found = []
        for folder, _, names in os.walk(top, followlinks=True):
            found += [os.path.relpath(os.path.join(folder, one), root) for one in names]
        for path in sorted(found, key=os.fsencode):
            files.add_file(path, os.path.getsize(os.path.join(root, path)))
    torrent = lt.create_torrent(files, piece, lt.create_torrent.v1_only)
    lt.set_piece_hashes(torrent, root)
    print(lt.torrent_info(torrent.generate()).info_hash())


def load(path):
    info = lt.torrent_info(path)
    files = info.files()
    pad = lt.file_flags_t.flag_pad_file
    rows = [[files.file_path(i), files.file_size(i), bool(files.file_flags(i) & pad)] for i in range(files.num_files())]
    print(json.dumps({"hash": str(info.info_hash()), "files": rows}))


if sys.argv[1] == "--load":
    load(sys.argv[2])
else:
    create(sys.argv[1], int(sys.argv[2]))
