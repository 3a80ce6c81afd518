import { type ComponentProps, lazy, Suspense } from "react";
import { fromServer } from "../../browser/server.ts";
import { Loading } from "../states.tsx";

const Code = lazy(async () => ({
  default: (await fromServer(() => import("./code_editor.tsx"))).CodeEditor,
}));
const Diff = lazy(async () => ({
  default: (await fromServer(() => import("./diff_editor.tsx"))).DiffEditor,
}));
const Json = lazy(async () => ({
  default: (await fromServer(() => import("./json_editor.tsx"))).JsonEditor,
}));

/** The editors; their chunk loads when one is shown. */
export function CodeEditor(props: ComponentProps<typeof Code>) {
  return (
    <Suspense fallback={<Loading />}>
      <Code {...props} />
    </Suspense>
  );
}

export function DiffEditor(props: ComponentProps<typeof Diff>) {
  return (
    <Suspense fallback={<Loading />}>
      <Diff {...props} />
    </Suspense>
  );
}

export function JsonEditor(props: ComponentProps<typeof Json>) {
  return (
    <Suspense fallback={<Loading />}>
      <Json {...props} />
    </Suspense>
  );
}
