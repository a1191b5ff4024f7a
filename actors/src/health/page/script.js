
'use strict';
// The page is complete without this script, which keeps it up to date.
(() => {
  const main = document.querySelector('main');
  const header = document.querySelector('header');

  // Times count by themselves.
  const two = (seconds, unit, name, next, nextName) => {
    const lesser = Math.floor(seconds % unit / next);
    return Math.floor(seconds / unit) + name + (lesser ? ' ' + lesser + nextName : '');
  };
  const span = (milliseconds) => {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    if (seconds < 60) return seconds + 's';
    if (seconds < 3600) return two(seconds, 60, 'm', 1, 's');
    if (seconds < 86400) return two(seconds, 3600, 'h', 60, 'm');
    return two(seconds, 86400, 'd', 3600, 'h');
  };
  const wind = (root) => {
    const now = performance.now();
    for (const time of root.querySelectorAll('time')) {
      if (time.dataset.since) time.start = now - Number(time.dataset.since);
      if (time.dataset.until) time.end = now + Number(time.dataset.until);
    }
  };
  const count = () => {
    const now = performance.now();
    for (const time of document.querySelectorAll('time')) {
      const left = time.end - now;
      const text = time.end === undefined ? span(now - time.start) : left < 1000 ? 'in <1s' : 'in ' + span(left);
      if (time.textContent !== text) time.textContent = text;
    }
  };

  // Looking for some among many.
  const tools = document.createElement('div');
  tools.className = 'tools';
  const search = document.createElement('input');
  search.type = 'search';
  search.placeholder = 'Find a connection';
  search.setAttribute('aria-label', 'Find a connection');
  const only = document.createElement('label');
  const box = document.createElement('input');
  box.type = 'checkbox';
  only.append(box, ' only what is not up');
  const live = document.createElement('span');
  live.id = 'live';
  live.setAttribute('role', 'status');
  tools.append(search, only, live);
  header.append(tools);
  const sift = (article) => {
    const wanted = search.value.trim().toLowerCase();
    const found = article.dataset.name.toLowerCase().includes(wanted);
    article.hidden = !found || (box.checked && article.classList.contains('up'));
  };
  const siftAll = () => { for (const article of main.querySelectorAll('article')) sift(article); };
  search.addEventListener('input', siftAll);
  box.addEventListener('change', siftAll);

  // What the agent sends is HTML of its own making, as the page itself is.
  const parse = (html) => {
    const template = document.createElement('template');
    template.innerHTML = html;
    return template.content;
  };
  const put = (html, at) => {
    const article = parse(html).querySelector('article');
    const old = at.get(article.dataset.name);
    if (!old) return false;
    const details = article.querySelector('details');
    if (details) details.open = Boolean(old.querySelector('details[open]'));
    wind(article);
    sift(article);
    old.replaceWith(article);
    return true;
  };
  const places = () => {
    const at = new Map();
    for (const article of main.querySelectorAll('article')) at.set(article.dataset.name, article);
    return at;
  };
  const showHead = (html) => {
    const head = parse(html).querySelector('#head');
    wind(head);
    document.querySelector('#head').replaceWith(head);
    document.title = 'holdfast: ' + head.querySelector('.summary').textContent;
  };
  const fetchAll = async () => {
    const answer = await fetch('/', { cache: 'no-store' });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const open = new Set([...main.querySelectorAll('details[open]')].map((d) => d.closest('article').dataset.name));
    main.replaceChildren(...page.querySelector('main').children);
    main.dataset.version = page.querySelector('main').dataset.version;
    for (const article of main.querySelectorAll('article')) {
      const details = article.querySelector('details');
      if (details && open.has(article.dataset.name)) details.open = true;
    }
    wind(main);
    siftAll();
  };
  const say = (on, text) => {
    live.className = on ? 'on' : 'off';
    live.textContent = text;
  };
  const listen = () => {
    const source = new EventSource('/live');
    source.addEventListener('hello', (event) => {
      say(true, 'live');
      if (event.data !== main.dataset.version) fetchAll();
    });
    source.addEventListener('changed', (event) => {
      const news = JSON.parse(event.data);
      showHead(news.head);
      const at = places();
      if (!news.articles.map((html) => put(html, at)).every(Boolean)) fetchAll();
    });
    source.addEventListener('anew', fetchAll);
    source.addEventListener('error', () => {
      say(false, 'no news from the agent');
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
    });
  };
  wind(document);
  setInterval(count, 1000);
  listen();
})();
