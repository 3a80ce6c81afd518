import { ErrorNote, Loading } from "../../../parts/states.tsx";
import { useFunction } from "../use_function.ts";
import { Editing } from "./editing.tsx";
import { useWorkspace } from "./workspace.ts";

/** The files of the function, to read and to write. */
export function CodeTab() {
  const fn = useFunction();
  const { workspace, error, refetch } = useWorkspace(fn);
  if (workspace !== undefined) return <Editing workspace={workspace} />;
  return error === null ? <Loading /> : <ErrorNote error={error} onRetry={refetch} />;
}
