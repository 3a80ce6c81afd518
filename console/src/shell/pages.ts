import type { IconName } from "../parts/icon.tsx";

interface PageLink {
  readonly to:
    | "/"
    | "/functions"
    | "/invocations"
    | "/volumes"
    | "/dead-letters"
    | "/settings";
  readonly label: string;
  readonly icon: IconName;
  readonly keys: string;
}

/** The pages of the navigation. */
export const PAGES: readonly PageLink[] = [
  { to: "/", label: "Overview", icon: "overview", keys: "g o" },
  { to: "/functions", label: "Functions", icon: "function", keys: "g f" },
  { to: "/invocations", label: "Invocations", icon: "invocation", keys: "g i" },
  { to: "/volumes", label: "Volumes", icon: "volume", keys: "g v" },
  {
    to: "/dead-letters",
    label: "Dead letters",
    icon: "deadLetter",
    keys: "g d",
  },
  { to: "/settings", label: "Settings", icon: "settings", keys: "g s" },
];
