import { useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import type { Fn } from "../../../api/types.ts";
import { preloadCodeEditor } from "../../../parts/monaco/lazy.tsx";
import { ErrorNote, Loading } from "../../../parts/states.tsx";
import { useFunction } from "../use_function.ts";
import { CommitView } from "./commit_view.tsx";
import { Editing } from "./editing.tsx";
import { useWorkspace } from "./workspace.ts";

/** The files of the function, to read and to write; those of the commit of the URL to read alone. */
export function CodeTab() {
  const fn = useFunction();
  const { commit } = useSearch({ from: "/shell/functions/$functionId/" });
  // Beside the files, which come first: they are small, and readable without the editor.
  useEffect(preloadCodeEditor, []);
  return commit === undefined
    ? <Draft fn={fn} />
    : <CommitView key={commit} fn={fn} commitId={commit} />;
}

function Draft({ fn }: { readonly fn: Fn }) {
  const { workspace, error, refetch } = useWorkspace(fn);
  if (workspace !== undefined) return <Editing workspace={workspace} />;
  return error === null ? <Loading /> : <ErrorNote error={error} onRetry={refetch} />;
}
