/** What the page shows, as its heading; takes the focus when a link led here, so that screen readers say it. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { navigation } from "../navigation";

export function SubjectTitle({ before, children }: { before: string; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!navigation.arrivedByLink) return;
    navigation.arrivedByLink = false;
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <h1 ref={heading} class="subject-title" tabIndex={-1}>
      <span class="subject-before">{before} </span>
      {children}
    </h1>
  );
}
