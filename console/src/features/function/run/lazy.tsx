import { whenShown } from "../../../parts/when_shown.tsx";

export const RunPanel = whenShown(async () => (await import("./run_panel.tsx")).RunPanel);
