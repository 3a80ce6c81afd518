import { Link } from "@tanstack/react-router";
import type { ComponentProps } from "react";
import { Page } from "../parts/page.tsx";
import { PAGE_PERMISSIONS, type PagePath, useMay } from "./rights.ts";

/** The parts of the console that have several pages. */
const PARTS = {
  Access: [
    { to: "/access/people", label: "People" },
    { to: "/access/principals", label: "Service principals" },
    { to: "/access/roles", label: "Roles" },
    { to: "/access/federation", label: "Federation" },
    { to: "/access/tenants", label: "C1 tenants" },
  ],
  Audit: [
    { to: "/audit", label: "Events" },
    { to: "/audit/exports", label: "Exports" },
  ],
} as const satisfies Readonly<
  Record<string, readonly { readonly to: PagePath; readonly label: string }[]>
>;

/** A page of a part: the tabs of the pages that the reader may open, and the content of this page. */
export function PartPage({ part, children, ...page }: ComponentProps<typeof Page> & {
  readonly part: keyof typeof PARTS;
}) {
  const may = useMay();
  return (
    <Page {...page} heading={part}>
      <nav aria-label={`Parts of ${part}`} className="tab-list">
        {PARTS[part].filter(({ to }) => PAGE_PERMISSIONS[to].some(may)).map(({ to, label }) => (
          <Link
            key={to}
            to={to}
            className="tab"
            activeOptions={{ exact: true, includeSearch: false }}
            activeProps={{ "aria-current": "page" }}
          >
            {label}
          </Link>
        ))}
      </nav>
      <div>{children}</div>
    </Page>
  );
}
