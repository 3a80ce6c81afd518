/** Dialogs of every page, whose code loads when the first one opens. */
import { useLocation } from "@tanstack/react-router";
import { useState } from "react";
import { Dialog } from "../parts/dialog.tsx";
import { activeShortcuts, Keys } from "../parts/shortcuts.tsx";
import { SignInForm } from "./sign_in_form.tsx";

/** Asks for a new sign-in link above the page. The page keeps everything that the reader typed. */
export function SessionDialog(
  { onSignedIn, onClose }: { readonly onSignedIn: () => void; readonly onClose: () => void },
) {
  const [isTyped, setTyped] = useState(false);
  const { href } = useLocation();
  return (
    <Dialog
      open
      onClose={onClose}
      unsaved={isTyped}
      title="Your session has ended"
      description="Sign in again. This page keeps what you typed."
    >
      <SignInForm returnTo={href} onSignedIn={onSignedIn} onTyped={setTyped} />
    </Dialog>
  );
}

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
