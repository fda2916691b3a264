mod answers;
mod wire;
