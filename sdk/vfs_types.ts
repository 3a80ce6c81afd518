/** The types of `vfs`, as in Deno's file API. */

/** Limit of the bytes of one host call. */
export const CHUNK_BYTES = 256 * 1024;
/** Host calls of one operation at the same time. */
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
  /** Write at the end of the file. */
  append?: boolean;
  /** Create a file that does not exist; true by default. */
  create?: boolean;
  /** Create the file, and fail if it exists. */
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
  /** Create the directories above it, too; do not fail if it exists. */
  recursive?: boolean;
}

export interface VfsRemoveOptions {
  /** Remove a directory with everything in it. */
  recursive?: boolean;
}

/** The server's information on a file. */
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
