import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Volume } from "../../api/client.ts";
import { own } from "../../parts/files.ts";
import { visibleText } from "../../parts/format.ts";
import { Loaded, Loading, Note } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { Bytes, Name } from "../../parts/values.tsx";
import { Path } from "./files.tsx";
import { type Content, contentQuery, filePath, MAX_SHOWN_BYTES } from "./queries.ts";
import { TextEditor } from "./text_editor.tsx";

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
