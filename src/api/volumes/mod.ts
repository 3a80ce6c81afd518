import type { Operation } from "../operation.ts";
import { createVolume } from "./create_volume.ts";
import { deleteFile } from "./delete_file.ts";
import { deleteVolume } from "./delete_volume.ts";
import { getVolume } from "./get_volume.ts";
import { listEntries } from "./list_entries.ts";
import { listVersions } from "./list_versions.ts";
import { listVolumes } from "./list_volumes.ts";
import { readArchive } from "./read_archive.ts";
import { readFile } from "./read_file.ts";
import { restoreVersion } from "./restore_version.ts";
import { writeArchive } from "./write_archive.ts";
import { writeFile } from "./write_file.ts";

/** Create, read and delete volumes; read and write their files; restore earlier versions. */
export const VOLUME_OPERATIONS: readonly Operation[] = [
  listVolumes,
  createVolume,
  getVolume,
  deleteVolume,
  listEntries,
  listVersions,
  restoreVersion,
  readFile,
  writeFile,
  deleteFile,
  readArchive,
  writeArchive,
];
