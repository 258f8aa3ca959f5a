/** What the page shows, as its heading; takes the focus when a link led here, so that screen readers say it. */
import { useEffect, useRef } from "preact/hooks";
import { navigation } from "../navigation";

/** Characters from which a name is set smaller. */
const LONG = 56;

export function SubjectTitle({ before, name }: { before: string; name: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!navigation.arrivedByLink) return;
    navigation.arrivedByLink = false;
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <h1 ref={heading} class="subject-title" tabIndex={-1}>
      <span class="subject-before">{before} </span>
      <span class={`subject-name ${name.length > LONG ? "long" : ""}`} title={name}>
        {name}
      </span>
    </h1>
  );
}
