/**
 * Every error class of starling, sorted by who pays for it.
 *
 * The caller pays (bad input, bad options), the peer pays (its connection), the source pays (one
 * announce), the torrent pays (its storage), or we do (a bug). Code decides on the class and its
 * fields, never on the text. Messages read "Cannot <verb> <thing>: <state>" without a full stop.
 *
 * @module
 */

/** Bytes that are not bencode (BEP 3). `offset` is where, in bytes from the start of the input. */
export class BencodeError extends SyntaxError {
  /** The class, for messages. */
  override name = "BencodeError";
  /** Where the input stops being bencode, in bytes from its start. */
  readonly offset: number;
  /** Takes the message, "Cannot <verb> <thing>: <state>", and what the fields say. */
  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`);
    this.offset = offset;
  }
}

/** A torrent file or info dictionary that breaks its rules. `path` names the key: `info.files[3].path`. */
export class MetainfoError extends SyntaxError {
  /** The class, for messages. */
  override name = "MetainfoError";
  /** The offending key, as a path from the root of the torrent file. */
  readonly path: string;
  /** Takes the message, "Cannot <verb> <thing>: <state>", and what the fields say. */
  constructor(message: string, path: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}

/** A magnet link that cannot be understood (BEP 9). */
export class MagnetError extends SyntaxError {
  /** The class, for messages. */
  override name = "MagnetError";
}

/** An option or argument that is wrong; the CLI turns it into exit code 2. */
export class OptionsError extends TypeError {
  /** The class, for messages. */
  override name = "OptionsError";
  /** One line that helps to get it right. */
  readonly hint: string | undefined;
  /** Takes the message, "Cannot <verb> <thing>: <state>", and what the fields say. */
  constructor(message: string, options?: ErrorOptions & { hint?: string }) {
    super(message, options);
    this.hint = options?.hint;
  }
}

/** Why a peer was dropped. Those in {@link PEER_FAULTS} count toward a ban, the others do not. */
export type PeerCloseReason =
  | "eof"
  | "reset"
  | "dial-failed"
  | "handshake-timeout"
  | "idle"
  | "stopped"
  | "no-use"
  | "self"
  | "duplicate"
  | "banned"
  | "wrong-info-hash"
  | "bad-handshake"
  | "message-too-long"
  | "bad-message"
  | "bad-bitfield"
  | "bad-index"
  | "bad-request"
  | "bad-block"
  | "flood"
  | "corrupt-data";

/** The reasons that are the peer's own fault. */
export const PEER_FAULTS: ReadonlySet<PeerCloseReason> = new Set<PeerCloseReason>([
  "bad-handshake",
  "message-too-long",
  "bad-message",
  "bad-bitfield",
  "bad-index",
  "bad-request",
  "bad-block",
  "flood",
  "corrupt-data",
]);

/** A peer broke the protocol; it costs that peer its connection and never reaches the user. */
export class PeerError extends Error {
  /** The class, for messages. */
  override name = "PeerError";
  /** What happened, one of a closed list. */
  readonly reason: PeerCloseReason;
  /** Takes the message, "Cannot <verb> <thing>: <state>", and what the fields say. */
  constructor(reason: PeerCloseReason, message: string = reason) {
    super(message);
    this.reason = reason;
  }
  /** Whether it counts toward a ban. */
  get isFault(): boolean {
    return PEER_FAULTS.has(this.reason);
  }
}

/** What kind of trouble a tracker is in. */
export type TrackerErrorKind =
  | "refused"
  | "unreachable"
  | "timeout"
  | "garbage"
  | "status"
  | "policy";

/** A tracker failed; it costs one announce. */
export class TrackerError extends Error {
  /** The class, for messages. */
  override name = "TrackerError";
  /** The announce URL. */
  readonly url: string;
  /** Refused by the tracker, unreachable, too slow, an answer that makes no sense, a bad status, or against the safety policy. */
  readonly kind: TrackerErrorKind;
  /** How long the tracker asks us to wait, if it does (BEP 31). */
  readonly retryAfterMs: number | undefined;
  /** Takes the message, "Cannot <verb> <thing>: <state>", and what the fields say. */
  constructor(
    url: string,
    kind: TrackerErrorKind,
    message: string,
    options?: ErrorOptions & { retryAfterMs?: number },
  ) {
    super(message, options);
    this.url = url;
    this.kind = kind;
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** What a disk operation was doing. */
export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "create"
  | "allocate"
  | "stat"
  | "sync"
  | "lock"
  | "remove";

/** Why a disk operation failed, as far as it changes what a person should do. */
export type DiskErrorKind =
  | "full"
  | "permission"
  | "missing"
  | "changed"
  | "in-the-way"
  | "too-long"
  | "locked"
  | "name"
  | "other";

/** The storage of one torrent failed; that torrent stops and the others go on. CLI: exit 4. */
export class DiskError extends Error {
  /** The class, for messages. */
  override name = "DiskError";
  /** The file or folder concerned. */
  readonly path: string;
  /** What was being done. */
  readonly operation: DiskOperation;
  /** The class of the failure. */
  readonly kind: DiskErrorKind;
  /** One line on what to do about it. */
  readonly hint: string | undefined;
  /** Takes the message, "Cannot <verb> <thing>: <state>", and what the fields say. */
  constructor(
    message: string,
    options: ErrorOptions & {
      path: string;
      operation: DiskOperation;
      kind: DiskErrorKind;
      hint?: string;
    },
  ) {
    super(message, options);
    this.path = options.path;
    this.operation = options.operation;
    this.kind = options.kind;
    this.hint = options.hint;
  }
}

/** A stream broke off before the end of its file, since its torrent ended. */
export class StreamError extends Error {
  /** The class, for messages. */
  override name = "StreamError";
  /** Why the torrent ended: `"stopped"`, or the reason of its outcome. */
  readonly reason: string;
  /** Takes the message, "Cannot <verb> <thing>: <state>", and what the fields say. */
  constructor(message: string, reason: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** A connection or request could not be made or broke off. */
export class NetworkError extends Error {
  /** The class, for messages. */
  override name = "NetworkError";
  /** What went wrong, as far as it changes what to do. */
  readonly kind:
    | "refused"
    | "unreachable"
    | "timeout"
    | "in-use"
    | "policy"
    | "too-large"
    | "other";
  /** Takes the message, "Cannot <verb> <thing>: <state>", and what the fields say. */
  constructor(kind: NetworkError["kind"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The impossible happened: a bug of ours. Thrown, never caught below the session. */
export class BugError extends Error {
  /** The class, for messages. */
  override name = "BugError";
}
