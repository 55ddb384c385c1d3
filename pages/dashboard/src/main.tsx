import { Provider } from '@urql/preact';
import { options, render } from 'preact';
import { LocationProvider } from 'preact-iso';
import { useEffect, useRef } from 'preact/hooks';
import { BASE, moved } from './data/address';
import { client } from './data/client';
import { watch } from './data/figures';
import { begin, session } from './data/session';
import { useStore } from './data/store';
import { Frame } from './frame/Frame';
import { Guard } from './frame/Guard';
import { SignIn } from './frame/SignIn';
import './theme/tokens.css';
import './theme/base.css';
import './ui/ui.css';

// All changes between two frames are drawn together.
options.debounceRendering = (draw) => void requestAnimationFrame(draw);

// `/dashboard` is `/dashboard/`, and addresses of an earlier version lead to their pages.
const earlier = moved(location.hash);
if (earlier) history.replaceState(null, '', earlier);
else if (`${location.pathname}/` === BASE) history.replaceState(null, '', BASE + location.search);

const root = document.getElementById('root')!;

/** The pages are drawn once the caller is known. Behind a later sign-in they stay as they are. */
function App() {
  const { state } = useStore(session);
  const isKnown = useRef(false);
  isKnown.current ||= state === 'open' || state === 'in';
  useEffect(() => {
    if (isKnown.current) watch();
  }, [isKnown.current]);
  return (
    <>
      {isKnown.current && (
        <Provider value={client}>
          <LocationProvider scope={BASE}>
            <Guard url={BASE}>
              <Frame />
            </Guard>
          </LocationProvider>
        </Provider>
      )}
      <SignIn />
    </>
  );
}

render(<App />, root);
void begin();
