import { type ComponentProps, lazy, type ReactNode, Suspense } from "react";
import { fromServer } from "../../browser/connection.ts";
import { TEXT_METRICS } from "../../theme/theme.ts";
import { textStart } from "../code.tsx";
import { own } from "../files.ts";
import { visibleText } from "../format.ts";

const loadCode = () => fromServer(() => import("./code_editor.tsx"));

const Code = lazy(async () => ({ default: (await loadCode()).CodeEditor }));
const Json = lazy(async () => ({
  default: (await fromServer(() => import("./json_editor.tsx"))).JsonEditor,
}));

/** Loads the code of the editor before there is a file to show. The component that shows a file reports a failure. */
export function preloadCodeEditor(): void {
  loadCode().catch(() => {});
}

/** The editors. Their chunk loads when one is shown; until it is there, the text is. */
export function CodeEditor(props: ComponentProps<typeof Code>) {
  const { label, path, files, reveal } = props;
  const text = own(files, path) ?? "";
  return (
    <Suspense
      fallback={<StaticCode label={`${label}: ${path}`} text={text} line={reveal?.line} />}
    >
      <Code {...props} />
    </Suspense>
  );
}

export function JsonEditor(props: ComponentProps<typeof Json>) {
  const { label, initial } = props;
  return (
    <Suspense fallback={<StaticValue label={label} text={initial} />}>
      <Json {...props} />
    </Suspense>
  );
}

interface StaticCodeProps {
  readonly label: string;
  readonly text: string;
  /** The line to show, which begins with 1. */
  readonly line?: number | undefined;
}

/** A text where the editor will show it, in the same type, while the editor's code is on its way: to read and to copy. */
function StaticCode({ label, text, line }: StaticCodeProps) {
  const shown = visibleText(textStart(text));
  const count = shown.split("\n").length;
  return (
    <StaticText
      label={label}
      line={line}
      gutter={Array.from({ length: count }, (_, index) => index + 1).join("\n")}
    >
      {shown}
    </StaticText>
  );
}

/** The same of a value without line numbers. */
function StaticValue({ label, text }: StaticCodeProps) {
  return <StaticText label={label} kind="editor-json">{visibleText(textStart(text))}</StaticText>;
}

/** What the static texts have in common. */
export function StaticText({ label, kind = "", gutter, line, children }: {
  readonly label: string;
  readonly kind?: string;
  readonly gutter?: string;
  readonly line?: number | undefined;
  readonly children: ReactNode;
}) {
  const { fontSize, lineHeight, padding } = TEXT_METRICS;
  const reveal = (element: HTMLElement | null) => {
    if (element === null || line === undefined) return;
    element.scrollTop = (line - 0.5) * lineHeight + padding.top - element.clientHeight / 2;
  };
  return (
    <div className={`editor editor-static ${kind}`} aria-busy="true">
      <div
        className="editor-static-text"
        role="region"
        tabIndex={0}
        ref={reveal}
        aria-label={visibleText(label)}
        style={{ fontSize, lineHeight: `${lineHeight}px`, paddingBlock: padding.top }}
      >
        {gutter === undefined
          ? null
          : <pre className="editor-static-gutter" aria-hidden>{gutter}</pre>}
        <pre><bdi>{children}</bdi></pre>
      </div>
      <span className="editor-static-state" role="status">Loading the editor …</span>
    </div>
  );
}
