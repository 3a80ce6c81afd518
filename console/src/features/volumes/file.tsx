import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { ApiError, type Volume } from "../../api/client.ts";
import { readStored, writeStored } from "../../browser/stored.ts";
import { Button } from "../../parts/button.tsx";
import { TextAreaField } from "../../parts/field.tsx";
import { normalized, own, withLineEnds } from "../../parts/files.ts";
import { visibleText } from "../../parts/format.ts";
import { useShortcuts } from "../../parts/shortcuts.tsx";
import { ErrorNote, Loaded, Loading, Note } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Bytes, Name } from "../../parts/values.tsx";
import { errorText } from "../../parts/violations.ts";
import { Path } from "./files.tsx";
import { type Content, contentQuery, filePath, MAX_SHOWN_BYTES, writeFile } from "./queries.ts";

/** A file: text to edit, CSV as a table, an image, or its size alone. */
export function File({ volume, path }: { readonly volume: Volume; readonly path: string }) {
  const query = useQuery({
    ...contentQuery(volume.id, path),
    // A change elsewhere must not replace what is being typed; saving finds it.
    refetchOnWindowFocus: false,
    staleTime: Infinity,
  });
  return (
    <div className="stack">
      <Path volume={volume} path={path} />
      <Loaded query={query}>
        {(content) => (
          <>
            <p className="row muted">
              <Bytes value={content.size} />
              <a href={filePath(volume.id, path)} download={path.split("/").at(-1)}>Download</a>
            </p>
            <Preview volume={volume} path={path} content={content} />
          </>
        )}
      </Loaded>
    </div>
  );
}

function Preview({ volume, path, content }: {
  readonly volume: Volume;
  readonly path: string;
  readonly content: Content;
}) {
  if (content.size > MAX_SHOWN_BYTES) {
    return <Note>This file is too large to show: it is over 1 MiB. Download it instead.</Note>;
  }
  const type = imageType(path);
  if (type !== undefined) return <ImagePreview bytes={content.bytes} type={type} path={path} />;
  const text = textOf(content.bytes);
  if (text === undefined) return <Note>This file is not text. Download it instead.</Note>;
  return (
    <>
      {path.endsWith(".csv") && <CsvTable text={text} />}
      <TextEditor volume={volume} path={path} text={text} etag={content.etag} />
    </>
  );
}

/** UTF-8 without zero bytes; undefined for anything else. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** What is used of papaparse, which has no types of its own. */
interface Parser {
  parse(text: string, options: { readonly skipEmptyLines: boolean }): {
    readonly data: string[][];
    readonly errors: readonly { readonly message: string }[];
  };
}

interface Row {
  readonly id: string;
  readonly cells: readonly string[];
}

interface Table {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly violation: string | undefined;
}

const MAX_COLUMNS = 50;

/** CSV with the first line as the head. */
function CsvTable({ text }: { readonly text: string }) {
  const [table, setTable] = useState<Table>();
  useEffect(() => {
    void import("papaparse").then(({ default: parser }: { default: Parser }) => {
      const { data, errors } = parser.parse(text, { skipEmptyLines: true });
      setTable(tableOf(data, errors[0]?.message));
    });
  }, [text]);
  if (table === undefined) return <Loading rows={4} />;
  return (
    <div className="volumes-csv">
      {table.violation === undefined ? null : <Note tone="warn">{table.violation}</Note>}
      <DataTable
        label="Rows of the file"
        columns={table.columns}
        rows={table.rows}
        rowId={({ id }) => id}
        empty={<Note>The file has no rows</Note>}
      />
    </div>
  );
}

function tableOf([head = [], ...rows]: string[][], violation: string | undefined): Table {
  return {
    columns: head.slice(0, MAX_COLUMNS).map((name, index) => ({
      id: String(index),
      header: name === "" ? `Column ${index + 1}` : visibleText(name),
      sortBy: ({ cells }) => valueOf(cells[index] ?? ""),
      cell: ({ cells }) => <Name value={cells[index] ?? ""} />,
    })),
    rows: rows.map((cells, index) => ({ id: String(index), cells })),
    violation,
  };
}

/** Numbers sort as numbers. */
function valueOf(cell: string): string | number {
  return cell.trim() !== "" && Number.isFinite(Number(cell)) ? Number(cell) : cell;
}

const TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
};

/** The media type of an image by its name. SVG is text: it can have scripts. */
function imageType(path: string): string | undefined {
  return own(TYPES, path.split(".").at(-1)?.toLowerCase() ?? "");
}

function ImagePreview({ bytes, type, path }: {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly path: string;
}) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([bytes], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes, type]);
  return url === undefined ? null : <img className="volumes-image" src={url} alt={path} />;
}

/** A text file as it was read, with its own line ends. */
interface FileText {
  readonly text: string;
  readonly etag: string;
}

interface Draft {
  /** As a text field has it. */
  readonly text: string;
  /** What the changes are made to. */
  readonly base: FileText;
}

interface DraftState extends Draft {
  readonly isChanged: boolean;
  /** Whether somebody else has written the file since. */
  readonly isBehind: boolean;
  readonly edit: (text: string) => void;
  readonly discard: () => void;
  /** Makes what was saved the base of what has been typed since. */
  readonly rebase: (saved: FileText) => void;
}

/**
 * The text that is edited: this browser keeps it until it is saved or discarded. A text that is written elsewhere
 * replaces it only while it has no change, so that a save knows the text that it would overwrite.
 */
function useFileDraft(volumeId: string, path: string, current: FileText): DraftState {
  const key = `volume.${volumeId}.${path}`;
  const fresh = { text: normalized(current.text), base: current };
  const [draft, setDraft] = useState<Draft>(() => readStored<Draft>(key) ?? fresh);
  const isChanged = draft.text !== normalized(draft.base.text);
  const isSame = !isChanged || draft.text === fresh.text;
  if (isSame && draft.base.etag !== current.etag) {
    setDraft(fresh);
    writeStored(key, undefined);
  }
  return {
    ...draft,
    isChanged,
    isBehind: isChanged && draft.base.etag !== current.etag,
    edit: (text) => {
      const edited = { text, base: draft.base };
      setDraft(edited);
      writeStored(key, text === normalized(draft.base.text) ? undefined : edited);
    },
    rebase: (saved) => {
      setDraft(({ text }) => {
        const kept = { text, base: saved };
        writeStored(key, text === normalized(saved.text) ? undefined : kept);
        return kept;
      });
    },
    discard: () => {
      setDraft(fresh);
      writeStored(key, undefined);
    },
  };
}

const ROWS = 24;
const NOT_SAVED = "Not saved: the file has changed since you began. Your text is kept here.";

/** Edits a text file. Saving fails if somebody wrote the file meanwhile; the text stays. */
function TextEditor({ volume, path, text, etag }: {
  readonly volume: Volume;
  readonly path: string;
  readonly text: string;
  readonly etag: string;
}) {
  const draft = useFileDraft(volume.id, path, { text, etag });
  const { text: edited, isChanged, edit, discard } = draft;
  const save = useSave(volume.id, path, draft);
  const { mutate, reset } = save;
  useShortcuts(useMemo(() => [
    {
      keys: "Mod+S",
      label: "Save the file",
      run: () => isChanged && mutate({ anyway: false }),
    },
  ], [mutate, isChanged]));
  const isNotSaved = save.error instanceof ApiError && save.error.status === 412;
  return (
    <div className="stack">
      {draft.isBehind && !isNotSaved && (
        <Note tone="warn">The file has changed since you began. Your text is kept here.</Note>
      )}
      {save.error === null ? null : <ErrorNote error={isNotSaved ? NOT_SAVED : save.error} />}
      <TextAreaField label="Content" value={edited} onChange={edit} rows={ROWS} />
      {path.endsWith(".json") && jsonViolation(edited) !== undefined && (
        <Note tone="warn">Not JSON: {jsonViolation(edited)}</Note>
      )}
      <div className="actions">
        {(isNotSaved || draft.isBehind) && (
          <Button
            look="danger"
            onClick={() => mutate({ anyway: true })}
          >
            Overwrite
          </Button>
        )}
        <Button
          onClick={() => {
            discard();
            reset();
          }}
          disabled={!isChanged}
        >
          Discard changes
        </Button>
        <Button
          look="primary"
          busy={save.isPending}
          disabled={!isChanged}
          onClick={() => mutate({ anyway: false })}
        >
          Save
        </Button>
      </div>
    </div>
  );
}

/** Writes the draft of a file. */
function useSave(volumeId: string, path: string, draft: DraftState) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (options: { readonly anyway: boolean }): Promise<FileText> => {
      const expected = options.anyway ? undefined : draft.base.etag;
      const text = withLineEnds(draft.text, draft.base.text);
      const etag = await writeFile(volumeId, path, new Blob([text]), expected);
      return { text, etag };
    },
    onSuccess: async (saved) => {
      const bytes = new TextEncoder().encode(saved.text);
      const content = { bytes, size: bytes.length, etag: saved.etag };
      queries.setQueryData(contentQuery(volumeId, path).queryKey, content);
      draft.rebase(saved);
      toast("Saved");
      await queries.invalidateQueries({ queryKey: ["volume"] });
    },
  });
}

function jsonViolation(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}
