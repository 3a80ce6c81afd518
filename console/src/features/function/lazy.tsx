/** Dialogs and panels that no page of a function shows at first. */
import { type ComponentType, lazy, Suspense } from "react";
import { fromServer } from "../../browser/connection.ts";

/** A dialog or panel that no page shows at first: its code loads when it opens. */
function whenShown<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  const Loaded = lazy(async () => ({ default: await fromServer(load) }));
  return (props) => (
    <Suspense>
      <Loaded {...props} />
    </Suspense>
  );
}

export const PublishDialog = whenShown(async () =>
  (await import("./publish/publish_dialog.tsx")).PublishDialog
);

export const RunPanel = whenShown(async () => (await import("./run/run_panel.tsx")).RunPanel);

export const TriggerForm = whenShown(async () =>
  (await import("./triggers/trigger_form.tsx")).TriggerForm
);
