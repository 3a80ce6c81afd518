import { type ComponentProps, lazy, Suspense } from "react";
import { fromServer } from "../../../browser/server.ts";

const Popup = lazy(async () => ({
  default: (await fromServer(() => import("./publish_dialog.tsx"))).PublishDialog,
}));

/** The dialog of a publish. No page shows it at first, so its code loads when it opens. */
export function PublishDialog(props: ComponentProps<typeof Popup>) {
  return (
    <Suspense>
      <Popup {...props} />
    </Suspense>
  );
}
