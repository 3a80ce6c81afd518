import { useQuery } from "@tanstack/react-query";
import type { Volume } from "../../api/types.ts";
import { Note } from "../../parts/states.tsx";
import { Loaded } from "../../parts/states.tsx";
import { Bytes } from "../../parts/values.tsx";
import { CsvTable } from "./csv_table.tsx";
import { Path } from "./files.tsx";
import { ImagePreview, imageType } from "./image_preview.tsx";
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

function Preview(
  { volume, path, content }: {
    readonly volume: Volume;
    readonly path: string;
    readonly content: Content;
  },
) {
  if (content.size > MAX_SHOWN_BYTES) {
    return <Note>This file is too large to show: it is over 1 MiB. Download it instead.</Note>;
  }
  const type = imageType(path);
  if (type !== undefined) return <ImagePreview bytes={content.bytes} type={type} path={path} />;
  const text = textOf(content.bytes);
  if (text === undefined) return <Note>This file is not text. Download it instead.</Note>;
  return (
    <>
      {path.endsWith(".csv") ? <CsvTable text={text} /> : null}
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
