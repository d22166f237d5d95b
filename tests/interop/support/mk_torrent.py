"""Makes a .torrent with libtorrent's bencoder, for what mktorrent and transmission-create cannot: any
piece length, empty files, files in a given order, pad files. Prints nothing.

    mk_torrent.py --root DIR --name NAME --piece BYTES --out FILE [--files LIST.json] [--tracker URL]...

LIST.json holds the paths below DIR/NAME in the order they get in the torrent; without it NAME is one file.
With --pad every file but the last is followed by a pad file up to the next piece boundary (BEP 47).
"""

import argparse
import hashlib
import json
import os

import libtorrent as lt


class Hasher:
    """Cuts a stream of bytes into pieces and collects their digests."""

    def __init__(self, piece_length):
        self.piece_length = piece_length
        self.digests = []
        self.current = hashlib.sha1()
        self.filled = 0

    def update(self, data):
        view = memoryview(data)
        while view:
            take = view[: self.piece_length - self.filled]
            self.current.update(take)
            self.filled += len(take)
            view = view[len(take):]
            if self.filled == self.piece_length:
                self.cut()

    def cut(self):
        self.digests.append(self.current.digest())
        self.current = hashlib.sha1()
        self.filled = 0

    def pieces(self):
        if self.filled:
            self.cut()
        return b"".join(self.digests)


def feed(hasher, path):
    size = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
            size += len(block)
    return size


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--root", required=True)
    options.add_argument("--name", required=True)
    options.add_argument("--piece", type=int, required=True)
    options.add_argument("--out", required=True)
    options.add_argument("--files")
    options.add_argument("--tracker", action="append", default=[])
    options.add_argument("--pad", action="store_true")
    args = options.parse_args()

    hasher = Hasher(args.piece)
    top = os.path.join(args.root, args.name)
    info = {b"name": args.name.encode(), b"piece length": args.piece}
    if args.files:
        with open(args.files, encoding="utf-8") as file:
            paths = json.load(file)
        entries = []
        for number, path in enumerate(paths):
            size = feed(hasher, os.path.join(top, path))
            entries.append({b"length": size, b"path": [part.encode() for part in path.split("/")]})
            if args.pad and hasher.filled and number + 1 < len(paths):
                gap = args.piece - hasher.filled
                hasher.update(bytes(gap))
                entries.append({b"attr": b"p", b"length": gap, b"path": [b".pad", str(gap).encode()]})
        info[b"files"] = entries
    else:
        info[b"length"] = feed(hasher, top)
    info[b"pieces"] = hasher.pieces()
    torrent = {b"info": info, b"created by": b"interop"}
    if args.tracker:
        torrent[b"announce"] = args.tracker[0].encode()
        torrent[b"announce-list"] = [[url.encode()] for url in args.tracker]
    with open(args.out, "wb") as file:
        file.write(lt.bencode(torrent))


main()
