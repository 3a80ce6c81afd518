import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../../shell/root.tsx";

export const volumesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/volumes",
  component: lazyRouteComponent(
    () => import("./volumes_page.tsx"),
    "VolumesPage",
  ),
});

export const volumeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/volumes/$volumeId",
  component: lazyRouteComponent(
    () => import("./volume_page.tsx"),
    "VolumePage",
  ),
});
