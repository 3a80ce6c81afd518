import { type ComponentType, lazy, Suspense } from "react";
import { fromServer } from "../browser/server.ts";

/** A dialog or panel that no page shows at first: its code loads when it opens. */
export function whenShown<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  const Loaded = lazy(async () => ({ default: await fromServer(load) }));
  return (props) => (
    <Suspense>
      <Loaded {...props} />
    </Suspense>
  );
}
