/** The tabs of a function's page, each with an address of its own. */
export const TABS = [
  { to: "/functions/$functionId", label: "Code" },
  { to: "/functions/$functionId/tests", label: "Tests" },
  { to: "/functions/$functionId/history", label: "History" },
  { to: "/functions/$functionId/triggers", label: "Triggers" },
  { to: "/functions/$functionId/settings", label: "Settings" },
] as const;
