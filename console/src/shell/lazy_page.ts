import { lazyRouteComponent } from "@tanstack/react-router";
import { fromServer } from "../browser/server.ts";

/** The component of a route. Its code loads with the first look at it; while the server is away it waits. */
export const lazyPage: typeof lazyRouteComponent = (load, name) =>
  lazyRouteComponent(() => fromServer(load), name);
