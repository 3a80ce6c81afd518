import { useState } from "react";
import { BinarySize } from "../binary_file.tsx";
import {
  type FileContent,
  type FileContents,
  isBinary,
  isSameContent,
  isText,
} from "../file_content.ts";
import { own } from "../own.ts";
import { visibleText } from "../values.tsx";
import { DiffEditor } from "./lazy.tsx";

interface FileDiffProps {
  readonly label: string;
  readonly original: FileContents;
  readonly modified: FileContents;
}

interface Change {
  readonly path: string;
  readonly word: "added" | "deleted" | "changed";
}

/** The files that differ, sorted by path. */
export function changesBetween(original: FileContents, modified: FileContents): readonly Change[] {
  const paths = new Set([...Object.keys(original), ...Object.keys(modified)]);
  return [...paths].sort().flatMap((path): Change[] => {
    if (isSameContent(own(original, path), own(modified, path))) return [];
    if (!Object.hasOwn(original, path)) return [{ path, word: "added" }];
    return [{ path, word: Object.hasOwn(modified, path) ? "changed" : "deleted" }];
  });
}

/** What changed between two sets of files: a list of files, and the difference of the chosen one. */
export function FileDiff({ label, original, modified }: FileDiffProps) {
  const changes = changesBetween(original, modified);
  const [chosen, choose] = useState<string>();
  const shown = changes.find(({ path }) => path === chosen)?.path ?? changes[0]?.path;
  if (shown === undefined) return <p className="muted">No file differs.</p>;
  return (
    <div className="editor-diff">
      <ul className="editor-changes" aria-label="Changed files">
        {changes.map(({ path, word }) => (
          <li key={path}>
            <button
              type="button"
              className="editor-change"
              aria-current={path === shown ? "true" : undefined}
              onClick={() => choose(path)}
            >
              <bdi>{visibleText(path)}</bdi> <span className="muted">{word}</span>
            </button>
          </li>
        ))}
      </ul>
      <FileDifference
        label={label}
        path={shown}
        original={own(original, shown)}
        modified={own(modified, shown)}
      />
    </div>
  );
}

function FileDifference({ label, path, original, modified }: {
  readonly label: string;
  readonly path: string;
  readonly original: FileContent | undefined;
  readonly modified: FileContent | undefined;
}) {
  if (!isBinary(original) && !isBinary(modified)) {
    return <DiffEditor label={label} path={path} original={original} modified={modified} />;
  }
  return (
    <dl className="editor-sides">
      <dt>Before</dt>
      <dd>
        <Side content={original} />
      </dd>
      <dt>After</dt>
      <dd>
        <Side content={modified} />
      </dd>
    </dl>
  );
}

function Side({ content }: { readonly content: FileContent | undefined }) {
  if (content === undefined) return "no file";
  if (isText(content)) return "text";
  return (
    <>
      not text, <BinarySize bytes={content} />
    </>
  );
}
