import type { Operation } from "../operation.ts";
import { createTag } from "./create_tag.ts";
import { deleteTag } from "./delete_tag.ts";
import { listTags } from "./list_tags.ts";

/** Name commits. */
export const TAG_OPERATIONS: readonly Operation[] = [listTags, createTag, deleteTag];
