import { type ComponentProps, lazy, Suspense, useMemo, useState } from "react";
import { fromServer } from "../../browser/connection.ts";
import { textStart } from "../code.tsx";
import {
  type Bytes,
  type FileContent,
  type FileContents,
  isBinary,
  isSameContent,
  isText,
  lengthOf,
  own,
} from "../files.ts";
import { formatBytes, formatCount, visibleText } from "../format.ts";
import { type LineCounts, lineCounts, lineRuns } from "../line_changes.ts";
import { StaticText } from "./lazy.tsx";

/** A file that is not text. */
export function BinaryFile({ bytes }: { readonly bytes: Bytes }) {
  return (
    <p className="muted">
      This file is not text. Its size is <BinarySize bytes={bytes} />.
    </p>
  );
}

/** The size of a file, exactly on hover. */
function BinarySize({ bytes }: { readonly bytes: Bytes }) {
  const length = lengthOf(bytes);
  return <span title={`${formatCount(length)} B`}>{formatBytes(length)}</span>;
}

interface FileDiffProps {
  readonly original: FileContents;
  readonly modified: FileContents;
}

interface Change extends LineCounts {
  readonly path: string;
  readonly word: "added" | "deleted" | "changed";
}

/** The files that differ, sorted by path. */
function changesBetween(original: FileContents, modified: FileContents): readonly Change[] {
  const paths = new Set([...Object.keys(original), ...Object.keys(modified)]);
  return [...paths].sort().flatMap((path): Change[] => {
    const [before, after] = [own(original, path), own(modified, path)];
    if (isSameContent(before, after)) return [];
    const word = before === undefined ? "added" : after === undefined ? "deleted" : "changed";
    return [{ path, word, ...lineCounts(before, after) }];
  });
}

/** Files that tools write: nobody reads them first. */
const GENERATED = /(?:^|\/)(?:deno\.lock|package-lock\.json)$/;

/** The file of which most lines changed, before any generated one; the first of equal ones. */
function mostChanged(changes: readonly Change[]): Change | undefined {
  const rank = ({ path, added, deleted }: Change) => GENERATED.test(path) ? -1 : added + deleted;
  return changes.reduce<Change | undefined>(
    (most, change) => most === undefined || rank(change) > rank(most) ? change : most,
    undefined,
  );
}

/** What changed between two sets of files: a list of files, and the difference of the chosen one, at first the most changed. */
export function FileDiff({ original, modified }: FileDiffProps) {
  const changes = useMemo(() => changesBetween(original, modified), [original, modified]);
  const [chosen, choose] = useState<string>();
  const shown = changes.find(({ path }) => path === chosen)?.path ?? mostChanged(changes)?.path;
  if (shown === undefined) return <p className="muted">No file differs.</p>;
  return (
    <div className="editor-diff">
      <ul className="editor-changes" aria-label="Changed files">
        {changes.map((change) => (
          <li key={change.path}>
            <button
              type="button"
              className="editor-change"
              aria-current={change.path === shown ? "true" : undefined}
              onClick={() => choose(change.path)}
            >
              <bdi>{visibleText(change.path)}</bdi> <span className="muted">{change.word}</span>
              <Counts {...change} />
            </button>
          </li>
        ))}
      </ul>
      <FileDifference
        path={shown}
        original={own(original, shown)}
        modified={own(modified, shown)}
      />
    </div>
  );
}

function Counts({ added, deleted }: LineCounts) {
  return (
    <>
      {added === 0 ? null : <span className="editor-sign-added">{` +${formatCount(added)}`}</span>}
      {deleted === 0
        ? null
        : <span className="editor-sign-deleted">{` \u2212${formatCount(deleted)}`}</span>}
    </>
  );
}

function FileDifference({ path, original, modified }: {
  readonly path: string;
  readonly original: FileContent | undefined;
  readonly modified: FileContent | undefined;
}) {
  if (!isBinary(original) && !isBinary(modified)) {
    return <DiffEditor label="Difference" path={path} original={original} modified={modified} />;
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

const Diff = lazy(async () => ({
  default: (await fromServer(() => import("./diff_editor.tsx"))).DiffEditor,
}));
/** An editor of differences, apart from the others: most pages compare nothing. */
function DiffEditor(props: ComponentProps<typeof Diff>) {
  const { label, path, original, modified } = props;
  return (
    <Suspense
      fallback={<StaticDiff label={`${label}: ${path}`} original={original} modified={modified} />}
    >
      <Diff {...props} />
    </Suspense>
  );
}

interface StaticDiffProps {
  readonly label: string;
  readonly original: string | undefined;
  readonly modified: string | undefined;
}

const SIGNS = { added: "+", deleted: "\u2212", kept: " " } as const;

/** A difference, its lines below each other. */
function StaticDiff({ label, original, modified }: StaticDiffProps) {
  const runs = lineRuns(textStart(original ?? ""), textStart(modified ?? ""));
  return (
    <StaticText
      label={label}
      gutter={runs.map(({ word, count }) => `${SIGNS[word]}\n`.repeat(count)).join("")}
    >
      {runs.map(({ word, text }, index) => (
        <span key={index} className={word === "kept" ? "" : `editor-${word}`}>
          {visibleText(text)}
        </span>
      ))}
    </StaticText>
  );
}
