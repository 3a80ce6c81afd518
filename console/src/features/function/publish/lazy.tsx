import { whenShown } from "../../../parts/when_shown.tsx";

export const PublishDialog = whenShown(async () =>
  (await import("./publish_dialog.tsx")).PublishDialog
);
