import { type ComponentProps, lazy, Suspense } from "react";
import { fromServer } from "../../browser/server.ts";
import { own } from "../own.ts";
import { StaticCode, StaticValue } from "./static_code.tsx";

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
