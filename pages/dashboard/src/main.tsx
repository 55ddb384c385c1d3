import { Provider } from '@urql/preact';
import { options, render } from 'preact';
import { LocationProvider } from 'preact-iso';
import { BASE, moved } from './data/address';
import { client } from './data/client';
import { watch } from './data/figures';
import { Frame } from './frame/Frame';
import { Guard } from './frame/Guard';
import './theme/tokens.css';
import './theme/base.css';
import './ui/ui.css';

// All changes between two frames are drawn together.
options.debounceRendering = (draw) => void requestAnimationFrame(draw);

// `/dashboard` is `/dashboard/`, and addresses of an earlier version lead to their pages.
const earlier = moved(location.hash);
if (earlier) history.replaceState(null, '', earlier);
else if (`${location.pathname}/` === BASE) history.replaceState(null, '', BASE + location.search);

render(
  <Provider value={client}>
    <LocationProvider scope={BASE}>
      <Guard url={BASE}>
        <Frame />
      </Guard>
    </LocationProvider>
  </Provider>,
  document.getElementById('root')!,
);
watch();
