import { Link } from "@tanstack/react-router";
import { PAGE_PERMISSIONS, type PagePath, useMay } from "./rights.ts";

/** Tabs for the pages of one part of the console. Shows only the pages that the reader's roles include. */
export function PageTabs({ label, tabs }: {
  readonly label: string;
  readonly tabs: readonly { readonly to: PagePath; readonly label: string }[];
}) {
  const may = useMay();
  return (
    <nav aria-label={label} className="tab-list">
      {tabs.filter(({ to }) => PAGE_PERMISSIONS[to].some(may)).map(({ to, label }) => (
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
  );
}
