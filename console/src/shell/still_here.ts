import { useRouter } from "@tanstack/react-router";
import { useCallback } from "react";

/**
 * Answers, where some work begins, a question for its end: whether the reader is still on the same page, and not on the way
 * to another. A page that the reader chose meanwhile wins over the page that the work would lead to.
 */
export function useStillHere(): () => () => boolean {
  const router = useRouter();
  return useCallback(() => {
    const { pathname } = router.latestLocation;
    return () => router.latestLocation.pathname === pathname;
  }, [router]);
}
