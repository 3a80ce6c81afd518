import { type FormEvent, type ReactNode, useRef, useState } from "react";
import { Button, CancelButton, Menu } from "../../../parts/button.tsx";
import { ConfirmDialog, Dialog } from "../../../parts/dialog.tsx";
import { TextField } from "../../../parts/field.tsx";
import { type FileContent, isBinary, isSameContent, own } from "../../../parts/files.ts";
import { formatBytes, visibleText } from "../../../parts/format.ts";
import { Icon } from "../../../parts/icon.tsx";
import type { Problem } from "../../../parts/monaco/models.ts";
import { toast, toastError } from "../../../parts/toasts.tsx";
import { contentOf } from "../queries.ts";
import { pathViolation } from "../typed_values.ts";
import { currentFiles, edit, type Workspace } from "./workspace.ts";

type Asked =
  | { readonly what: "add" }
  | { readonly what: "rename" | "delete"; readonly path: string };

interface FileListProps {
  readonly workspace: Workspace;
  readonly shown: string | undefined;
  readonly onOpen: (path: string) => void;
  readonly problems: readonly Problem[];
}

/** The files of the function. */
export function FileList({ workspace, shown, onOpen, problems }: FileListProps) {
  const { files, draft } = workspace;
  const [asked, ask] = useState<Asked>();
  const failing = new Set(problems.map(({ path }) => path));
  return (
    <nav className="function-files" aria-label="Files">
      <ul>
        {Object.keys(files).sort().map((path) => (
          <li key={path} className="function-file">
            <FileButton
              path={path}
              isShown={path === shown}
              isFailing={failing.has(path)}
              onOpen={onOpen}
            >
              {isBinary(files[path]) && <span className="muted">not text</span>}
              {Object.hasOwn(draft?.changed ?? {}, path) && <span className="muted">edited</span>}
            </FileButton>
            {path === shown && (
              <Menu
                label={`Actions of ${visibleText(path)}`}
                items={[
                  { label: "Rename", onSelect: () => ask({ what: "rename", path }) },
                  {
                    label: "Delete",
                    danger: true,
                    onSelect: () => ask({ what: "delete", path }),
                  },
                ]}
              >
                <Icon name="more" />
              </Menu>
            )}
          </li>
        ))}
      </ul>
      <Button look="plain" icon={<Icon name="plus" />} onClick={() => ask({ what: "add" })}>
        Add a file
      </Button>
      <UploadButton workspace={workspace} onOpen={onOpen} />
      <Dialogs workspace={workspace} asked={asked} onClose={() => ask(undefined)} onOpen={onOpen} />
    </nav>
  );
}

function Dialogs({ workspace, asked, onClose, onOpen }: {
  readonly workspace: Workspace;
  readonly asked: Asked | undefined;
  readonly onClose: () => void;
  readonly onOpen: (path: string) => void;
}) {
  const taken = Object.keys(workspace.files);
  const former = asked === undefined || asked.what === "add" ? "" : asked.path;
  const put = (path: string) => {
    edit(workspace, ({ [former]: content = "", ...others }) => ({ ...others, [path]: content }));
    onOpen(path);
  };
  return (
    <>
      {asked === undefined || asked.what === "delete" ? null : (
        <PathDialog
          title={asked.what === "add" ? "Add a file" : `Rename ${visibleText(former)}`}
          action={asked.what === "add" ? "Add" : "Rename"}
          initial={former}
          taken={taken}
          onClose={onClose}
          onPath={put}
        />
      )}
      <ConfirmDialog
        open={asked?.what === "delete"}
        onClose={onClose}
        title={`Delete ${visibleText(former)}?`}
        action="Delete"
        danger
        // deno-lint-ignore require-await -- the dialog awaits it
        onConfirm={async () => edit(workspace, ({ [former]: _, ...others }) => others)}
      >
        The next commit leaves this file out. Earlier commits keep it.
      </ConfirmDialog>
    </>
  );
}

/** Asks for the path of a file. */
function PathDialog(props: {
  readonly title: string;
  readonly action: string;
  readonly initial: string;
  readonly taken: readonly string[];
  readonly onClose: () => void;
  readonly onPath: (path: string) => void;
}) {
  const [path, setPath] = useState(props.initial);
  const [violation, setViolation] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = pathViolation(path, props.taken);
    setViolation(found);
    if (found !== undefined) return;
    props.onPath(path);
    props.onClose();
  };
  return (
    <Dialog
      open
      onClose={props.onClose}
      title={props.title}
      unsaved={path !== props.initial}
    >
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Path"
          hint="Relative to the function, such as main.test.ts or lib/text.ts"
          mono
          autoFocus
          value={path}
          onChange={setPath}
          error={violation}
        />
        <div className="actions">
          <CancelButton />
          <Button type="submit" look="primary">{props.action}</Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Opens a file of a list. */
export function FileButton({ path, isShown, isFailing = false, onOpen, children }: {
  readonly path: string;
  readonly isShown: boolean;
  /** Whether something is wrong in the file. */
  readonly isFailing?: boolean;
  readonly onOpen: (path: string) => void;
  /** What is said of the file. */
  readonly children?: ReactNode;
}) {
  return (
    <button
      type="button"
      className="function-file-name"
      aria-current={isShown ? "true" : undefined}
      onClick={() => onOpen(path)}
    >
      <bdi className={isFailing ? "function-failing" : ""}>{visibleText(path)}</bdi>
      {children}
    </button>
  );
}

/** The page holds the files of a draft in its memory. */
const MAX_BYTES = 32 * 2 ** 20;

/** Adds files of the reader's disk to the draft. */
function UploadButton({ workspace, onOpen }: {
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
