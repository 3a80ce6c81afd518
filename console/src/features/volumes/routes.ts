import { createRoute } from "@tanstack/react-router";
import { lazyPage } from "../../shell/lazy_page.ts";
import { withVisit } from "../../shell/list_position.tsx";
import { shellRoute } from "../../shell/root.tsx";

export const volumesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/volumes",
  beforeLoad: withVisit,
  component: lazyPage(() => import("./volumes_page.tsx"), "VolumesPage"),
});

interface VolumeSearch {
  /** The open directory; the root without one. */
  readonly directory?: string;
  /** The open file. */
  readonly file?: string;
  readonly tab?: "history";
  /** The version that the history shows alone. */
  readonly version?: number;
}

export const volumeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/volumes/$volumeId",
  validateSearch: (search: Record<string, unknown>): VolumeSearch => ({
    ...(typeof search["directory"] === "string" ? { directory: search["directory"] } : {}),
    ...(typeof search["file"] === "string" ? { file: search["file"] } : {}),
    ...(search["tab"] === "history" ? { tab: "history" } : {}),
    ...(Number.isSafeInteger(search["version"]) ? { version: search["version"] as number } : {}),
  }),
  component: lazyPage(() => import("./volume_page.tsx"), "VolumePage"),
});
