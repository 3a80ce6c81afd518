/** Where the sealed chunks of one object come from. They may be false: who opens them checks. */
export interface ChunkSource {
  /** A chunk by its index. @throws ObjectError if the object is missing, ObjectsUnavailable */
  chunk(index: number): Promise<Uint8Array>;
}

/** Reads from the object store, as soon as it may. */
export type Admit = <T>(load: () => Promise<T>) => Promise<T>;
