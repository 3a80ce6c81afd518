import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { onSessionExpired } from "../api/client.ts";
import { Dialog } from "../parts/dialog.tsx";
import { SignInForm } from "./sign_in_form.tsx";

/** Asks for a new link over the page, which keeps whatever is typed. */
export function SessionExpired() {
  const [isExpired, setExpired] = useState(false);
  const queries = useQueryClient();
  useEffect(() => onSessionExpired(() => setExpired(true)), []);
  return (
    <Dialog
      open={isExpired}
      onClose={() => setExpired(false)}
      sticky
      title="Your session has ended"
      description="Sign in again. This page keeps what you typed."
    >
      <SignInForm
        onSignedIn={() => {
          setExpired(false);
          void queries.invalidateQueries();
        }}
      />
    </Dialog>
  );
}
