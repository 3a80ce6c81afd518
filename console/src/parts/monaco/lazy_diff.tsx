import { type ComponentProps, lazy, Suspense } from "react";
import { fromServer } from "../../browser/server.ts";
import { textStart } from "../code.tsx";
import { lineRuns } from "../line_changes.ts";
import { visibleText } from "../visible_text.ts";
import { StaticText } from "./static_code.tsx";

const Diff = lazy(async () => ({
  default: (await fromServer(() => import("./diff_editor.tsx"))).DiffEditor,
}));
/** An editor of differences, apart from the others: most pages compare nothing. */
export function DiffEditor(props: ComponentProps<typeof Diff>) {
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
