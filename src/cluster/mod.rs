//! Hub, engines, tasks, jobs, deaths. Knows nothing of arrays: an engine runs registered functions over buffers.
