/** The shapes of `vfs`, as Deno's file API has them. */

/** Bytes of a file that one question to the server carries. */
export const CHUNK_BYTES = 256 * 1024;
/** Questions that one operation has under way at the same time. */
export const IN_FLIGHT_MAX = 4;

export interface VfsFileInfo {
  isFile: boolean;
  isDirectory: boolean;
  /** Always false: volumes have no symbolic links. */
  isSymlink: boolean;
  size: number;
  mtime: Date | null;
}

export interface VfsDirEntry {
  name: string;
  isFile: boolean;
  isDirectory: boolean;
  /** Always false: volumes have no symbolic links. */
  isSymlink: boolean;
}

export interface VfsWriteFileOptions {
  /** Write at the end of what is there. */
  append?: boolean;
  /** Make the file where there is none; true unless said otherwise. */
  create?: boolean;
  /** Make the file, and fail where there is one. */
  createNew?: boolean;
}

export interface VfsOpenOptions {
  read?: boolean;
  write?: boolean;
  append?: boolean;
  truncate?: boolean;
  create?: boolean;
  createNew?: boolean;
}

export interface VfsMkdirOptions {
  /** Make the directories above it as well; one that is there already is as good. */
  recursive?: boolean;
}

export interface VfsRemoveOptions {
  /** A directory with everything in it. */
  recursive?: boolean;
}

/** What the server tells of a file. */
export interface HostFileInfo {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly mtime: number;
}

export function fileInfo({ isFile, isDirectory, size, mtime }: HostFileInfo): VfsFileInfo {
  return { isFile, isDirectory, isSymlink: false, size, mtime: new Date(mtime) };
}
