import { useRef } from "react";
import { Button } from "../../../parts/button.tsx";
import { type FileContent, isSameContent } from "../../../parts/file_content.ts";
import { formatBytes } from "../../../parts/format.ts";
import { Icon } from "../../../parts/icon.tsx";
import { own } from "../../../parts/own.ts";
import { toast, toastError } from "../../../parts/toasts.tsx";
import { visibleText } from "../../../parts/values.tsx";
import { contentOf } from "../content.ts";
import { pathViolation } from "./paths.ts";
import { currentFiles, edit, type Workspace } from "./workspace.ts";

/** The page holds the files of a draft in its memory. */
const MAX_BYTES = 32 * 2 ** 20;

/** Adds files of the reader's disk to the draft. */
export function UploadButton({ workspace, onOpen }: {
  readonly workspace: Workspace;
  readonly onOpen: (path: string) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const add = async (picked: readonly File[]) => {
    for (const file of picked) {
      try {
        put(workspace, file.name, await read(file));
        onOpen(file.name);
      } catch (error) {
        toastError(`Could not add ${visibleText(file.name)}`, error);
      }
    }
  };
  return (
    <>
      <Button look="plain" icon={<Icon name="upload" />} onClick={() => input.current?.click()}>
        Upload files
      </Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to add"
        onChange={({ target }) => {
          const picked = [...target.files ?? []];
          target.value = "";
          void add(picked);
        }}
      />
    </>
  );
}

async function read(file: File): Promise<FileContent> {
  const violation = pathViolation(file.name, []);
  if (violation !== undefined) throw new Error(violation);
  if (file.size > MAX_BYTES) {
    throw new Error(
      `The file has ${formatBytes(file.size)}; the editor accepts up to ${formatBytes(MAX_BYTES)}`,
    );
  }
  return await contentOf(file);
}

function put(workspace: Workspace, path: string, content: FileContent): void {
  const former = own(currentFiles(workspace), path);
  edit(workspace, (files) => ({ ...files, [path]: content }));
  if (former === undefined || isSameContent(former, content)) return;
  toast(`Replaced ${visibleText(path)}`, {
    undo: () => edit(workspace, (files) => ({ ...files, [path]: former })),
  });
}
