//! Programs that must not compile: a file for each way from safe code to undefined behaviour that is closed. Each says which error
//! is expected, and has beside it a twin that compiles and runs, so that no slip elsewhere in the program is what fails.

mod job_payload;
mod map_with_token;
mod segment_file;
mod segment_give_back;
mod segment_open;
mod task_token;
mod ufunc_by_hand;
mod user_function;
