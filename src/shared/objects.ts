/** The port of the object store: encrypted objects that several nodes share, each named by the digest of its content. */

/** An object is missing, or is not what its name says. */
export class ObjectError extends Error {
  override name = "ObjectError";

  /** @param damage what is wrong with it, such as `is missing` */
  constructor(readonly bucket: string, readonly digest: string, readonly damage: string) {
    super(`object ${digest} of bucket ${bucket} ${damage}`);
  }
}

/** Why an object store is unavailable, by code. */
export const UNAVAILABLE = {
  OBJECTS_FULL: "the object store is full",
  OBJECTS_AWAY: "the object store does not answer",
  OBJECTS_DENIED: "the object store rejects the credentials of the server",
  OBJECTS_DAMAGED:
    "the object store finds nothing since its disk was full: free space, then restart nats-server",
} as const;

/** The object store takes or answers nothing for now. The message is for callers and names no address. */
export class ObjectsUnavailable extends Error {
  override name = "ObjectsUnavailable";

  constructor(readonly code: keyof typeof UNAVAILABLE, cause: unknown) {
    super(UNAVAILABLE[code], { cause });
  }
}

/** Content that becomes an object. */
export interface ObjectContent {
  /** SHA-256 of the whole content in lower-case hex. */
  readonly digest: string;
  /** Bytes of the content. */
  readonly size: number;
  /** The content from its begin. It may be read again after a failure. */
  read(): AsyncIterable<Uint8Array>;
}

/** An object whose ranges can be read. */
export interface OpenObject {
  /** Bytes of the content. */
  readonly size: number;
  /**
   * At least one byte from an offset, and at most `length`; none at the end.
   * @throws ObjectError, ObjectsUnavailable
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * Objects of one kind. An object never changes; its age counts from the last time that a node stored or retained it.
 * While a node retains an object, no other node deletes it.
 */
export interface ObjectBucket extends AsyncDisposable {
  readonly name: string;
  /**
   * Makes sure that the object exists, durably. Content that exists is not sent again.
   * @throws ObjectsUnavailable; nothing of the content is visible then
   */
  store(content: ObjectContent): Promise<void>;
  /** As {@link store}, and retains the object until {@link release} is called as often. */
  retain(content: ObjectContent): Promise<void>;
  /** Ends one retention of this node. Other nodes learn it soon. */
  release(digest: string): void;
  /** The content, checked by its digest. @throws ObjectError, ObjectsUnavailable */
  read(digest: string): Promise<Uint8Array>;
  /** @throws ObjectError, ObjectsUnavailable */
  open(digest: string): Promise<OpenObject>;
  /**
   * Looks for the whole object without reading it.
   * @returns bytes of the content
   * @throws ObjectError if it is missing, ObjectsUnavailable
   */
  check(digest: string): Promise<number>;
  /** The digests of all objects, or of those whose digests begin so, some at a time. @throws ObjectsUnavailable */
  digests(prefix?: string): AsyncIterable<readonly string[]>;
  /** Those of the objects that were last stored or retained before `time`. @throws ObjectsUnavailable */
  storedBefore(digests: readonly string[], time: Date): Promise<string[]>;
  /** Deletes an object unless it was stored or retained since `time`. @throws ObjectsUnavailable */
  deleteStoredBefore(digest: string, time: Date): Promise<void>;
  /**
   * Deletes objects of any age unless a node retains them, or does so before the deletion.
   * @param mayDelete finds those that may be deleted; asked once it is known which are retained
   * @returns those that were retained when it began
   * @throws ObjectsUnavailable
   */
  collect(
    digests: readonly string[],
    mayDelete: (digests: readonly string[]) => Promise<readonly string[]>,
  ): Promise<string[]>;
  /**
   * Deletes what interrupted uploads and deletions have left.
   * @param before how old a leftover must be, by default older than any upload or deletion takes
   * @throws ObjectsUnavailable
   */
  removeStrays(before?: Date): Promise<void>;
  /** Writes something, durably, and removes it. @throws ObjectsUnavailable */
  probe(): Promise<void>;
}
