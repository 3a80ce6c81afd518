import { useState } from "react";
import { Dialog } from "./dialog.tsx";
import { activeShortcuts, Keys } from "./shortcuts.tsx";

/** All shortcuts that work on this page. */
export function ShortcutSheet(
  { open, onClose }: { readonly open: boolean; readonly onClose: () => void },
) {
  const [shown] = useState(activeShortcuts);
  return (
    <Dialog open={open} onClose={onClose} title="Keyboard shortcuts">
      <dl className="shortcut-list">
        {shown.map(({ keys, label }) => (
          <div key={keys + label}>
            <dt>{label}</dt>
            <dd>
              <Keys keys={keys} />
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
